"""What is refused before anything is computed.

`files` reads a file once it is known to be a model's own, `limits` says how large an image may be and what memory it
may take. The codec, and the command line for its defaults, import it; of the codec's other rooms it imports none.
"""
