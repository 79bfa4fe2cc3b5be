"""The training recipe of the embedded model."""

__version__ = "0.4.5"
