// What the tests share is their precompiled header alone (CMakeLists.txt); a library needs a source.
