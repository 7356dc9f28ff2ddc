#include <stdio.h>

int main(void)
{
	puts("serving, built " __TIMESTAMP__);
	return 0;
}
