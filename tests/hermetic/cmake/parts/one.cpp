#include <map>
#include <string>

int one()
{
	std::map<std::string, int> m = { { __FILE__, 1 } };
	return m.begin()->second;
}
