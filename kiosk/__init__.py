"""The Raspberry Pi side: controller, uplink, touchscreen and the technician's command."""
