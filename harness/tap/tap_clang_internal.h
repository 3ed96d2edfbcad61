/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The calls that clang puts before accesses, with or without AddressSanitizer behind them. Those
 * that end in _noabort are of devices that go on after a report: -fsanitize-recover=address, and
 * kernel-address always.
 */
#ifndef TAP_CLANG_INTERNAL_H
#define TAP_CLANG_INTERNAL_H

#define TAP_CLANG_SIZES(FEW, kind, tail)                                                           \
	FEW(kind, 1, tail)                                                                         \
	FEW(kind, 2, tail)                                                                         \
	FEW(kind, 4, tail)                                                                         \
	FEW(kind, 8, tail)                                                                         \
	FEW(kind, 16, tail)

/* FEW: of so many bytes; ANY: of a number of bytes that is an argument */
#define TAP_CLANG(FEW, ANY)                                                                        \
	TAP_CLANG_SIZES(FEW, load, )                                                               \
	TAP_CLANG_SIZES(FEW, store, )                                                              \
	TAP_CLANG_SIZES(FEW, load, _noabort)                                                       \
	TAP_CLANG_SIZES(FEW, store, _noabort)                                                      \
	ANY(load, )                                                                                \
	ANY(store, )                                                                               \
	ANY(load, _noabort)                                                                        \
	ANY(store, _noabort)

#endif
