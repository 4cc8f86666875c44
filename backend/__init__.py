"""What the packages that hold networks need from below: published weights and the device to run on."""
