// What targets share is a precompiled header alone (CMakeLists.txt); a library needs a source.
