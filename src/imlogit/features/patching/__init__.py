"""What the step patches learns and computes: centres, whole numbers and their kernels."""
