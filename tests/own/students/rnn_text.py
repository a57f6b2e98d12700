# 20
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, vocab=100, emb=16, hidden=32, classes=4, n_layers=2, bidirectional=True):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb, padding_idx=0)
        self.rnn = nn.LSTM(emb, hidden, num_layers=n_layers, bidirectional=bidirectional, batch_first=True, dropout=0.3)
        self.fc = nn.Linear(hidden * (2 if bidirectional else 1), classes)
        self.hidden_size, self.n_layers = hidden, n_layers

    def init_hidden(self, batch_size, device):
        return torch.zeros(self.n_layers * 2, batch_size, self.hidden_size).to(device)

    def forward(self, text):
        embedded = self.embedding(text)
        h0 = self.init_hidden(text.size(0), text.device)
        c0 = self.init_hidden(text.size(0), text.device)
        output, (hidden, cell) = self.rnn(embedded, (h0, c0))
        hidden = torch.cat((hidden[-2, :, :], hidden[-1, :, :]), dim=1)
        return self.fc(hidden)
