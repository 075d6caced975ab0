#include "counted_memory.hpp"

#include <malloc.h>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::ptrdiff_t> live{0}, peak{0};

std::ptrdiff_t size_of(void* p) {
  return p == nullptr ? 0 : static_cast<std::ptrdiff_t>(malloc_usable_size(p));
}
void* counted(void* p) {
  const std::ptrdiff_t now = live += size_of(p);
  std::ptrdiff_t before = peak;
  while (now > before && !peak.compare_exchange_weak(before, now)) {
  }
  return p;
}

}  // namespace

namespace fejer_test {

std::ptrdiff_t bytes_in_use() { return live; }
std::ptrdiff_t take_peak_bytes() { return peak.exchange(live); }

}  // namespace fejer_test

// The names that the linker's --wrap gives.
extern "C" {
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* p, std::size_t size);
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
int __real_posix_memalign(void** p, std::size_t alignment, std::size_t size);
void __real_free(void* p);

void* __wrap_malloc(std::size_t size) { return counted(__real_malloc(size)); }
void* __wrap_calloc(std::size_t count, std::size_t size) {
  return counted(__real_calloc(count, size));
}
void* __wrap_realloc(void* p, std::size_t size) {
  const std::ptrdiff_t before = size_of(p);
  void* moved = __real_realloc(p, size);
  if (moved != nullptr) live -= before;
  return counted(moved);
}
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return counted(__real_aligned_alloc(alignment, size));
}
int __wrap_posix_memalign(void** p, std::size_t alignment, std::size_t size) {
  const int error = __real_posix_memalign(p, alignment, size);
  if (error == 0) counted(*p);
  return error;
}
void __wrap_free(void* p) {
  live -= size_of(p);
  __real_free(p);
}
}

void* operator new(std::size_t size) {
  void* p = std::malloc(size > 0 ? size : 1);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
