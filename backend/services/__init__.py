"""What Larder does; nothing in here knows HTTP."""
