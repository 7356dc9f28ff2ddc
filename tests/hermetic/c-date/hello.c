#include <stdio.h>

int main(void)
{
	printf("built on " __DATE__ " at " __TIME__ ", from " __FILE__ ", by %s\n", BUILDER);
	return 0;
}
