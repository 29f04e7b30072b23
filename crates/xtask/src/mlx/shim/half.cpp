// mlx-c declares its 16-bit float accessors only for ARM; mlx-rs uses them everywhere.
#include "mlx/c/array.h"
#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"

namespace {

template <typename T>
int item(T* result, mlx_array array) {
  try {
    *result = mlx_array_get_(array).item<T>();
    return 0;
  } catch (const std::exception& error) {
    mlx_error(error.what());
    return 1;
  }
}

template <typename T>
const T* data(mlx_array array) {
  try {
    return mlx_array_get_(array).data<T>();
  } catch (const std::exception& error) {
    mlx_error(error.what());
    return nullptr;
  }
}

} // namespace

using mlx::core::bfloat16_t;
using mlx::core::float16_t;

extern "C" {

int mlx_array_item_float16(float16_t* result, const mlx_array array) {
  return item(result, array);
}

int mlx_array_item_bfloat16(bfloat16_t* result, const mlx_array array) {
  return item(result, array);
}

const float16_t* mlx_array_data_float16(const mlx_array array) {
  return data<float16_t>(array);
}

const bfloat16_t* mlx_array_data_bfloat16(const mlx_array array) {
  return data<bfloat16_t>(array);
}
}
