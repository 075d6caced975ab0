// A view of a temporary array would dangle.
#include <fejer/array.hpp>
using namespace fejer;
Array<float> make() { return Array<float>(Shape{3}); }
float first() {
#ifdef BAD
  const ConstView<float> view = make();
#else
  const Array<float> array = make();
  const ConstView<float> view = array;
#endif
  return view[0];
}
