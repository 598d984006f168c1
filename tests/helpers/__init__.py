"""What tests share: engines to test, known problems, image files, and a mirror on loopback."""
