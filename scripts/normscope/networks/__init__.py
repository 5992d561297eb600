"""Networks: how they are built, trained and kept."""
