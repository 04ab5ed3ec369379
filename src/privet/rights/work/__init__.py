"""How a worker carries a request out: calls with deadlines, gathering, erasing, reading back."""
