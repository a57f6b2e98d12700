"""Figures: data in, plotly figure out. Nothing here imports torch or streamlit."""
