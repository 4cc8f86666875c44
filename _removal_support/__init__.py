"""What several packages need from below: published weights, the device to run on, Pillow's size limit."""
