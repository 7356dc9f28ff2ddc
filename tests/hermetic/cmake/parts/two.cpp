#include <map>
#include <string>

int two()
{
	std::map<std::string, int> m = { { __FILE__, 2 } };
	return m.begin()->second;
}
