"""What a person holds, carries or rides, and what hangs on the outline."""
