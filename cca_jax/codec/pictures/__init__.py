"""What a codec is given and gives back, beside the networks: pictures in any form.

`source` makes one form of all that callers have, `photo_boxes` takes a photo to what networks code and what boxes carry
and back, `samples` knows samples of 8 and 16 bits. The rest of the codec imports it; it imports `image_io` and
`bitstream`.
"""
