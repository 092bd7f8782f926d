"""Which standard header has which name: what tidy.py holds every file of C++ against."""

from __future__ import annotations

import re

_NAMES = {
    "algorithm": "all_of clamp copy copy_n equal fill fill_n find_if lower_bound max min "
    "ranges::adjacent_find ranges::all_of ranges::any_of ranges::binary_search "
    "ranges::copy ranges::count ranges::count_if ranges::equal ranges::fill ranges::find "
    "ranges::find_first_of ranges::find_if ranges::find_if_not ranges::is_sorted "
    "ranges::lower_bound ranges::max ranges::max_element ranges::min ranges::min_element "
    "ranges::move ranges::none_of ranges::replace ranges::replace_if ranges::reverse "
    "ranges::sort ranges::stable_sort ranges::transform ranges::unique "
    "ranges::upper_bound sort",
    "array": "array to_array",
    "atomic": "atomic atomic_flag memory_order_acquire memory_order_relaxed memory_order_release",
    "bit": "bit_cast bit_ceil bit_width byteswap countl_zero countr_zero endian has_single_bit popcount rotl",
    "bitset": "bitset",
    "charconv": "from_chars to_chars",
    "chrono": "chrono::ceil chrono::days chrono::duration chrono::duration_cast chrono::floor "
    "chrono::hh_mm_ss chrono::hours chrono::microseconds chrono::milliseconds "
    "chrono::minutes chrono::nanoseconds chrono::round chrono::seconds "
    "chrono::steady_clock chrono::sys_days chrono::sys_seconds chrono::system_clock "
    "chrono::year chrono::year_month_day",
    "cmath": "ceil exp floor isfinite isnan llround log lround pow round sqrt",
    "concepts": "convertible_to invocable same_as",
    "condition_variable": "condition_variable",
    "coroutine": "coroutine_handle suspend_always suspend_never",
    "cstdint": "int16_t int32_t int64_t int8_t uint16_t uint32_t uint64_t uint8_t uintptr_t",
    "cstdio": "FILE fprintf fputs snprintf",
    "cstdlib": "abort exit getenv",
    "cstring": "memchr memcmp memcpy memmove memset strerror strlen",
    "deque": "deque",
    "expected": "expected unexpect unexpected",
    "filesystem": "filesystem::create_directories filesystem::create_directory filesystem::current_path "
    "filesystem::directory_iterator filesystem::exists filesystem::path "
    "filesystem::remove filesystem::remove_all filesystem::temp_directory_path",
    "fstream": "ifstream ofstream",
    "functional": "function invoke move_only_function",
    "future": "async future future_status promise",
    "initializer_list": "initializer_list",
    "iostream": "cerr cin cout",
    "iterator": "back_inserter distance istreambuf_iterator make_move_iterator next prev",
    "limits": "numeric_limits",
    "list": "list",
    "map": "map multimap",
    "memory": "addressof construct_at destroy_at enable_shared_from_this make_shared make_unique "
    "make_unique_for_overwrite shared_ptr unique_ptr weak_ptr",
    "mutex": "lock_guard mutex once_flag scoped_lock unique_lock",
    "numeric": "accumulate gcd iota",
    "optional": "nullopt optional",
    "queue": "priority_queue queue",
    "random": "mt19937 mt19937_64 random_device uniform_int_distribution",
    "ranges": "views::drop views::filter views::iota views::keys views::reverse views::split "
    "views::take views::transform views::values",
    "regex": "regex",
    "set": "multiset set",
    "source_location": "source_location",
    "span": "as_bytes as_writable_bytes span",
    "sstream": "istringstream ostringstream stringstream",
    "string": "getline stoi stoul string to_string",
    "string_view": "string_view",
    "thread": "jthread thread",
    "tuple": "make_tuple tie tuple",
    "type_traits": "conditional_t decay_t invoke_result_t is_convertible_v is_same_v remove_cvref_t "
    "underlying_type_t",
    "unordered_map": "unordered_map",
    "unordered_set": "unordered_set",
    "utility": "exchange forward move pair swap to_underlying unreachable",
    "variant": "get_if holds_alternative monostate variant visit",
    "vector": "vector",
}
HEADER_OF = {name: header for header, names in _NAMES.items() for name in names.split()}

# What a header's own interface cannot do without.
BROUGHT = {
    "algorithm": {"initializer_list", "iterator", "utility"},
    "array": {"iterator"},
    "chrono": {"limits", "string"},
    "deque": {"iterator"},
    "expected": {"utility"},
    "filesystem": {"memory", "string"},
    "functional": {"memory", "utility"},
    "map": {"initializer_list", "iterator", "utility"},
    "memory": {"utility"},
    "optional": {"utility"},
    "ranges": {"iterator", "span"},
    "set": {"iterator"},
    "span": {"array", "iterator"},
    "string": {"cstdint", "initializer_list", "iterator", "string_view"},
    "tuple": {"utility"},
    "unordered_map": {"utility"},
    "variant": {"utility"},
    "vector": {"initializer_list", "iterator"},
}

USE = re.compile(r"\bstd::((?:ranges::|chrono::|views::|filesystem::)?\w+)")
