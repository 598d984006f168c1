"""What texts are worth as pixels."""

from __future__ import annotations

from imlogit.data.readers.pixel_values import ROUNDING

# Other ways to write a pixel, such as 12.0, that are remembered.
MOST_SPELLINGS = 4096


class PixelTexts(dict[bytes, int]):
    """What the text of a field is worth as a pixel; ValueError if nothing.

    Parameters
    ----------
    scale : {1, 255}
        255 where the brightest pixel is written as 1.
    """

    def __init__(self, scale: int = 1) -> None:
        super().__init__((b"%d" % value, value * scale) for value in range(255 // scale + 1))
        self._scale, self._rounding = scale, ROUNDING if scale > 1 else 0

    def __missing__(self, text: bytes) -> int:
        number = float(text) * self._scale
        # float takes 1_0, which no table means; nan is between no two numbers
        if not 0 <= number <= 255 or b"_" in text:
            raise ValueError
        pixel = round(number)
        if abs(number - pixel) > self._rounding:
            raise ValueError
        if len(self) < MOST_SPELLINGS:
            self[text] = pixel
        return pixel

    def first_refused(self, texts: list[bytes]) -> int:
        """Return the place of the first text that is worth nothing."""
        for place, text in enumerate(texts):
            try:
                self[text]
            except ValueError:
                return place
        return len(texts)
