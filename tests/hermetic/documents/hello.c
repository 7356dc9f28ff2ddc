/** \file Says hello. */
#include <libintl.h>
#include <stdio.h>

/** Where it begins. */
int main(void)
{
	puts(gettext("hello"));
	return 0;
}
