require 'mkmf'

create_makefile('hello/hello')
