"""Networks of strangers in ONNX: read, looked through, and run as they are."""
