#include "config.h"

#include <stdio.h>

void say(const char *when)
{
	printf("%s, built %s\n", PACKAGE_STRING, when);
}
