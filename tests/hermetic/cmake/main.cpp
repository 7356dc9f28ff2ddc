#include <iostream>

int one();
int two();
int three();

int main()
{
	std::cout << one() + two() + three() << " built " << BUILT << " on " << HOST << "\n";
}
