"""ISBN-10 and ISBN-13."""


def _check10(digits):
    total = sum((10 - i) * (10 if c == "X" else int(c)) for i, c in enumerate(digits))
    return total % 11 == 0


def _check13(digits):
    return sum(int(c) * (1 if i % 2 == 0 else 3) for i, c in enumerate(digits)) % 10 == 0


def normalise(text):
    """Thirteen digits, or ValueError."""
    digits = text.replace("-", "").replace(" ", "").upper()
    if len(digits) == 10 and digits[:9].isdigit() and (digits[9].isdigit() or digits[9] == "X"):
        if not _check10(digits):
            raise ValueError(f"{text}: wrong check digit")
        body = "978" + digits[:9]
        last = -sum(int(c) * (1 if i % 2 == 0 else 3) for i, c in enumerate(body)) % 10
        return body + str(last)
    if len(digits) == 13 and digits.isdigit():
        if not _check13(digits):
            raise ValueError(f"{text}: wrong check digit")
        return digits
    raise ValueError(f"{text}: not an ISBN")
