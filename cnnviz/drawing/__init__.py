"""From a drawing, or an image file, to the 28x28 image that a network for MNIST expects."""

from cnnviz.drawing.prepare import Prepared, to_mnist

__all__ = ["Prepared", "to_mnist"]
