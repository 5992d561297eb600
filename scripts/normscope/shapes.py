"""Sizes of tensors, said in letters and checked where they come in."""

from typing import Any


def check(**tensors: tuple[Any, str]) -> None:
    """Raise ValueError, naming it, where a tensor has not the sizes of its letters.

    A letter has one size throughout, a number is itself, `...` stands for any sizes:
    `check(vectors=(vectors, "k P"), basis=(basis, "m P"))`.
    """
    sizes: dict[str, tuple[int, str]] = {}
    for name, (tensor, letters) in tensors.items():
        shape, expected = tuple(tensor.shape), letters.split()
        is_open = expected[-1:] == ["..."]
        expected = expected[:-1] if is_open else expected
        if len(shape) < len(expected) or (len(shape) > len(expected) and not is_open):
            raise ValueError(f"{name}: expected shape ({letters}), got {shape}")
        for letter, size in zip(expected, shape, strict=False):
            known, source = sizes.setdefault(
                letter, (int(letter) if letter.isdigit() else size, name)
            )
            if size != known:
                raise ValueError(
                    f"{name}: expected shape ({letters}) with {letter} = {known}, as "
                    f"of {source}, got {shape}"
                )
