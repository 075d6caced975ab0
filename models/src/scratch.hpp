#pragma once
#include <fejer/scratch.hpp>
