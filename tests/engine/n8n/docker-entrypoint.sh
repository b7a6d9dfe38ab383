#!/bin/sh
# As the official image: the arguments go to n8n.
exec n8n "$@"
