void say(const char *when);

int main(void)
{
	say(__DATE__ " " __TIME__);
	return 0;
}
