// ONNX Runtime's C++ API without its automatic start: runtime.cc loads the library and provides the API.
#pragma once
#ifndef ORT_API_MANUAL_INIT
#define ORT_API_MANUAL_INIT
#endif
#include <onnxruntime_cxx_api.h>
