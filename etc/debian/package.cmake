# SPDX-License-Identifier: MIT
# The Debian packages: chatd, from the component `server`, and chatd-sdk, from `sdk`.
#
#   cmake --workflow --preset deb        build/release/chatd_VERSION_ARCH.deb, chatd-sdk_VERSION_ARCH.deb

set(CHATD_PACKAGE_CONTACT "chatd authors <chatd@chat.example>" CACHE STRING
    "Whom the Debian packages name as their maintainer: NAME <MAIL>")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME chatd)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "${CHATD_PACKAGE_CONTACT}")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL server sdk)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
# Whatever umask the builder has.
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# From one prefix to where Debian has things; it is told where the sources are.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/arrange.cmake)
set(CPACK_CHATD_SOURCE_DIR ${CMAKE_SOURCE_DIR})

set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME chatd)
set(CPACK_DEBIAN_SERVER_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION net)
set(CPACK_DEBIAN_SERVER_PACKAGE_SHLIBDEPS ON)
# cracklib-runtime has the dictionary without which libcrack2, and chatd as it is configured, tells no weak password.
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "adduser, cracklib-runtime")
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS "redis-server")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
    ${CMAKE_CURRENT_LIST_DIR}/conffiles ${CMAKE_CURRENT_LIST_DIR}/postinst
    ${CMAKE_CURRENT_LIST_DIR}/prerm ${CMAKE_CURRENT_LIST_DIR}/postrm)
set(CPACK_COMPONENT_SERVER_DESCRIPTION
    "self-hosted chat server
chatd serves a chat over HTTP and WebSocket, with a web client of its own.
Accounts and messages lie in one SQLite file, or in a Redis that several
servers share. Every feature is a plugin that the configuration turns on or
off; further plugins can be written in C with chatd-sdk.")

set(CPACK_DEBIAN_SDK_PACKAGE_NAME chatd-sdk)
set(CPACK_DEBIAN_SDK_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_SDK_PACKAGE_SECTION devel)
# chatd/json.h includes jansson.h. A compiler and one of the two ways to call it are for people who
# build on this machine; others need the headers only.
set(CPACK_DEBIAN_SDK_PACKAGE_DEPENDS libjansson-dev)
set(CPACK_DEBIAN_SDK_PACKAGE_RECOMMENDS "gcc | c-compiler, libc6-dev | libc-dev, cmake, make, pkg-config")
set(CPACK_DEBIAN_SDK_PACKAGE_SUGGESTS chatd)
set(CPACK_COMPONENT_SDK_DESCRIPTION
    "headers, test host, pages and examples for plugins of chatd
A plugin of the chatd chat server is one shared object written against the
headers in this package. It is found by CMake (chatd-sdk) and by pkg-config;
\"chatd plugin new\" of the package chatd writes one to begin with. Unit tests
of a plugin run without a server on the test host, a static library. Examples
that build outside of chatd's own tree are included.")

include(CPack)
