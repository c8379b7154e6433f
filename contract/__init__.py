"""What kiosk and server promise each other. Both sides run this code, so both compute the same cent.

Imports the standard library and the signature library only. Nothing here reads a clock, a file or a socket.
"""
