#include <map>
#include <string>

int three()
{
	std::map<std::string, int> m = { { __FILE__, 3 } };
	return m.begin()->second;
}
