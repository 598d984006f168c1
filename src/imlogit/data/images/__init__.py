"""Image files and what becomes of them: decoding, one size, and MNIST's own preparation."""
