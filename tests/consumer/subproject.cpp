#include <fejer/fft.hpp>
#include <fejer/version.hpp>
#include <iostream>

int main() { std::cout << "fejer " << fejer::version() << '\n'; }
