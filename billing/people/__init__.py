"""People who work with the server: who they are, how they prove it, what they may do, what they did."""
