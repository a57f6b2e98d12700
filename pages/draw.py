"""Draw a digit, or show a picture, and see every chosen network read it."""

from cnnviz.language import Message
from cnnviz.ui.draw import studio
from cnnviz.ui.shared.frame import DRAW, frame

frame(Message("Draw"), DRAW)
studio.show()
