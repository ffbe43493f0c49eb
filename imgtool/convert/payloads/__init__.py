"""What can be sent of an image: each module makes `disk.payload.Payload`'s bytes of one kind."""
