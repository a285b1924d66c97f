"""The methods of transfer."""
