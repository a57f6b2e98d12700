"""The code in the editor of this page at first, and what is said about it."""

FIRST = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(1408, 10)  # the last one

    def forward(self, x):
        x = x.flatten(1)
        return self.fc(x)
"""
WRONG = "fc receives 2,200 values, and expects 1,408."
TIDY = "Lines end without spaces."
