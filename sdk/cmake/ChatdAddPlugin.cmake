# SPDX-License-Identifier: MIT
# chatd_add_plugin(): makes a chatd plugin, inside this project and, installed, outside of it.
#
#   chatd_add_plugin(NAME source...)
#
# Makes the target NAME, which builds NAME.so: a C11 (C++20) module that exports one symbol,
# `chatd_plugin_v1`, and is linked with chatd::sdk. It is an ordinary target, so what the plugin
# needs besides is added with target_link_libraries(NAME PRIVATE ...).
#
# A misspelt SDK function is a link error (`-z defs`), but for sanitizer builds with clang, which
# leave the sanitizer's own symbols to the executable and cannot link that way. Such a build is
# recognised by -fsanitize in the usual flags; set CHATD_PLUGIN_ALLOW_UNDEFINED where it is not.
#
# In C++ the templates of its library are visible whatever -fvisibility says, so a map tells the linker to keep
# them inside; and a record of the SDK of which not all members are named is no oversight: the others are zero.

include_guard(GLOBAL)
set_property(GLOBAL PROPERTY chatd_plugin_map "${CMAKE_CURRENT_LIST_DIR}/chatd-plugin.map")

# Sets VAR to the linker's option against undefined symbols, or to nothing.
function(_chatd_plugin_defs_option var)
    get_property(dir_options DIRECTORY PROPERTY COMPILE_OPTIONS)
    get_property(dir_link_options DIRECTORY PROPERTY LINK_OPTIONS)
    string(TOUPPER "${CMAKE_BUILD_TYPE}" config)
    set(flags
        ${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_${config}} ${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${config}}
        ${CMAKE_MODULE_LINKER_FLAGS} ${dir_options} ${dir_link_options})
    set(compiler "${CMAKE_C_COMPILER_ID} ${CMAKE_CXX_COMPILER_ID}")
    if(CHATD_PLUGIN_ALLOW_UNDEFINED OR ("${compiler}" MATCHES "Clang" AND "${flags}" MATCHES
                                                                         "-fsanitize="))
        set(${var} "" PARENT_SCOPE)
    else()
        set(${var} "LINKER:-z,defs" PARENT_SCOPE)
    endif()
endfunction()

function(chatd_add_plugin name)
    if(NOT ARGN)
        message(FATAL_ERROR "chatd_add_plugin(${name}): name at least one source file")
    endif()
    add_library(${name} MODULE ${ARGN})
    target_link_libraries(${name} PRIVATE chatd::sdk)
    set_target_properties(
        ${name}
        PROPERTIES PREFIX ""
                   SUFFIX ".so"
                   C_STANDARD 11
                   C_STANDARD_REQUIRED ON
                   C_VISIBILITY_PRESET hidden
                   CXX_STANDARD 20
                   CXX_STANDARD_REQUIRED ON
                   CXX_VISIBILITY_PRESET hidden
                   VISIBILITY_INLINES_HIDDEN ON
                   POSITION_INDEPENDENT_CODE ON)
    _chatd_plugin_defs_option(defs)
    target_link_options(${name} PRIVATE ${defs} LINKER:-z,now LINKER:-z,relro)
    if("${ARGN}" MATCHES "\\.(cc|cpp|cxx|C)(;|$)")
        get_property(map GLOBAL PROPERTY chatd_plugin_map)
        target_link_options(${name} PRIVATE "LINKER:--version-script=${map}")
        target_compile_options(
            ${name} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-field-initializers>")
    endif()
endfunction()
