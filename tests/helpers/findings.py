"""What the checks of arrays found, and arrays for them."""

# Nine of ten images show no two: a note on how to read accuracy, and no fault.
HARMLESS = {"base-rate"}


def failed_codes(findings):
    """The codes of failed checks, but for the base rate's."""
    return set(findings.codes) - HARMLESS


def scaled_rows(images):
    """Images as rows of features from 0 to 1."""
    return images.reshape(len(images), -1) / 255
