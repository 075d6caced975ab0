#include <fejer/operators/identity.hpp>

#include <doctest/doctest.h>

using namespace fejer;

TEST_CASE_TEMPLATE("identity: copies arrays of any rank", X, float, double, std::complex<double>) {
  const LinearOperator<X> I = Identity<X>(Shape{2, 1, 3, 1});
  Array<X> x(I.domain());
  for (Index i = 0; i < x.size(); ++i) x[i] = X(static_cast<Real<X>>(i) - 2);
  const Array<X> y = I.apply(x), z = I.apply_adjoint(x);
  for (Index i = 0; i < x.size(); ++i) {
    CHECK(y[i] == x[i]);
    CHECK(z[i] == x[i]);
  }
  CHECK(I.norm_interval().lower == 1);
  CHECK(I.norm_interval().upper == 1);
}

TEST_CASE("identity: another shape is refused") {
  const LinearOperator<float> I = Identity<float>(Shape{1, 2, 2});
  CHECK_THROWS_WITH_AS(I.apply(Array<float>(Shape{2, 2})),
                       "LinearOperator::apply input: got (2,2), expected (1,2,2)", ShapeError);
}
