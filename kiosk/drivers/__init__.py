"""One device, one file. A driver speaks the device's bytes and knows nothing of sessions."""
