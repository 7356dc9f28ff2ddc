#include <ruby.h>

void Init_hello(void)
{
	rb_define_const(rb_define_module("Hello"), "BUILT", rb_str_new_cstr(__DATE__ " " __TIME__));
}
