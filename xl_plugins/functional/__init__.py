"""Pure tensor functions: the mathematics of the methods. Imports torch and numpy alone (mixture: scikit-learn)."""
